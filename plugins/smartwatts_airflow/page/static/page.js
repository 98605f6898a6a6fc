"use strict";
// Three things that a page inside Airflow's frame cannot do without a script: take on its
// theme, open links in the window around the frame, and start a run through Airflow's API.

const outer = window.parent !== window ? window.parent.document : null;
const airflow = document.body.dataset.airflow;

function followTheme() {
  const dark = () =>
    outer ? outer.documentElement.classList.contains("dark")
          : matchMedia("(prefers-color-scheme: dark)").matches;
  const apply = () => { document.documentElement.dataset.theme = dark() ? "dark" : "light"; };
  apply();
  if (outer) new MutationObserver(apply).observe(outer.documentElement, { attributes: true });
  else matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
}

function openOutside(event) {
  const link = event.target.closest("a[data-airflow]");
  if (!link || !outer || event.defaultPrevented) return;
  event.preventDefault();
  // The frame may not navigate the window around it, but that window's own links may.
  const twin = outer.createElement("a");
  twin.href = link.href;
  outer.body.append(twin);
  twin.click();
  twin.remove();
}

async function call(method, path, body) {
  const answer = await fetch(`${airflow}/api/v2${path}`, {
    method,
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: body && JSON.stringify(body),
  });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const why = typeof told.detail === "string" ? told.detail : JSON.stringify(told.detail ?? "");
    throw new Error(`Airflow answered ${answer.status}. ${why}`);
  }
  return told;
}

async function ended(dag, run, say) {
  for (;;) {
    const { state } = await call("GET", `/dags/${dag}/dagRuns/${encodeURIComponent(run)}`);
    if (state === "success") return;
    if (state === "failed") throw new Error(`The run ${run} failed: open the DAG to see why.`);
    say(`Run ${run} is ${state}…`);
    // Airflow tells nobody when a run ends, so it is asked.
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function dialogOf(id) {
  const dialog = document.getElementById(id);
  if (!dialog) return null;
  const part = (name) => dialog.querySelector(name);
  part("[data-close]").addEventListener("click", () => dialog.close());
  return { dialog, form: part("form"), submit: part("[type=submit]"),
           trouble: part("[data-trouble]"), progress: part("[data-progress]") };
}

function open(form, first) {
  form.trouble.textContent = form.progress.textContent = "";
  form.submit.disabled = false;
  form.dialog.showModal();
  form.form.elements[first].focus();
}

function onSubmit(form, conf, done) {
  form.form.addEventListener("submit", async (event) => {
    event.preventDefault();
    form.submit.disabled = true;
    form.trouble.textContent = "";
    try {
      const { dag } = form.dialog.dataset;
      const run = await call("POST", `/dags/${dag}/dagRuns`, { conf: conf(), logical_date: null });
      await done(dag, run.dag_run_id);
    } catch (error) {
      form.trouble.textContent = error.message;
      form.progress.textContent = "";
      form.submit.disabled = false;
    }
  });
}

function rollbackForm() {
  const form = dialogOf("rollback");
  if (!form) return;
  const fields = form.form.elements;
  const begin = (version) => { fields.version.value = version; open(form, "reason"); };
  document.querySelectorAll("button[data-version]").forEach((button) =>
    button.addEventListener("click", () => begin(button.dataset.version)));
  onSubmit(form, () => ({
    model: form.dialog.dataset.model,
    version: Number(fields.version.value),
    reason: fields.reason.value.trim(),
  }), async (dag, run) => {
    await ended(dag, run, (text) => { form.progress.textContent = text; });
    leave();
  });
  if (location.hash === "#roll-back") begin(document.getElementById("open-rollback").dataset.version);
}

function retrainForm() {
  const form = dialogOf("retrain");
  if (!form) return;
  const fields = form.form.elements;
  document.getElementById("open-retrain").addEventListener("click", () => open(form, "epochs"));
  onSubmit(form, () => ({
    models: [form.dialog.dataset.model],
    epochs: fields.epochs.value ? Number(fields.epochs.value) : null,
    dry_run: fields.dry_run.checked,
  }), (dag, run) => {
    form.progress.textContent = `${run} is queued: ${dag} has it, and this page once it trains.`;
  });
  if (location.hash === "#retrain") open(form, "epochs");
}

function leave() {
  // Without the hash, lest the form opens again.
  if (location.hash) location.replace(location.pathname + location.search);
  else location.reload();
}

const REFRESH_MS = 15000;

async function refresh() {
  // Nobody tells a page how far a training is, so it looks; not while nobody looks at it.
  if (document.hidden) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer || !answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelectorAll("[data-fresh]").forEach((part) => {
    const twin = fresh.getElementById(part.id);
    if (twin) part.replaceWith(twin);
  });
}

followTheme();
document.addEventListener("click", openOutside);
rollbackForm();
retrainForm();
if (document.querySelector("[data-fresh]")) setInterval(refresh, REFRESH_MS);
