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

function rollbackForm() {
  const dialog = document.getElementById("rollback");
  if (!dialog) return;
  const form = dialog.querySelector("form");
  const trouble = document.getElementById("rollback-trouble");
  const progress = document.getElementById("rollback-progress");
  const submit = form.querySelector("[type=submit]");
  document.querySelectorAll("button[data-version]").forEach((button) =>
    button.addEventListener("click", () => {
      form.elements.version.value = button.dataset.version;
      trouble.textContent = progress.textContent = "";
      dialog.showModal();
      form.elements.reason.focus();
    }));
  document.getElementById("close-rollback").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    submit.disabled = true;
    trouble.textContent = "";
    const { dag, model } = dialog.dataset;
    const conf = {
      model,
      version: Number(form.elements.version.value),
      reason: form.elements.reason.value.trim(),
    };
    try {
      const run = await call("POST", `/dags/${dag}/dagRuns`, { conf, logical_date: null });
      await ended(dag, run.dag_run_id, (text) => { progress.textContent = text; });
      location.reload();
    } catch (error) {
      trouble.textContent = error.message;
      progress.textContent = "";
      submit.disabled = false;
    }
  });
}

followTheme();
document.addEventListener("click", openOutside);
rollbackForm();
