# One image for every service of docker-compose.yaml that is ours.
FROM python:3.12.11-slim-bookworm AS build

# Compiled here: nobody writes into the image later, so each task would compile TensorFlow anew.
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 UV_NO_CACHE=1 UV_COMPILE_BYTECODE=1
WORKDIR /build
RUN python -m venv /opt/venv && /opt/venv/bin/python -m pip install uv==0.13.9
# The lock first: a change in our code does not install everything again.
COPY requirements-compose.lock ./
RUN /opt/venv/bin/uv pip install --python /opt/venv/bin/python --requirement requirements-compose.lock
COPY pyproject.toml README.md LICENSE ./
COPY smartwatts_ml smartwatts_ml
RUN /opt/venv/bin/uv pip install --python /opt/venv/bin/python --no-deps --no-build-isolation .

FROM python:3.12.11-slim-bookworm

ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    AIRFLOW_HOME=/opt/smartwatts/airflow \
    AIRFLOW__CORE__DAGS_FOLDER=/opt/smartwatts/dags \
    AIRFLOW__CORE__PLUGINS_FOLDER=/opt/smartwatts/plugins \
    AIRFLOW__LOGGING__BASE_LOG_FOLDER=/opt/smartwatts/logs \
    SMARTWATTS_KEYS=/opt/smartwatts/keys
RUN useradd --uid 50000 --create-home smartwatts \
    && mkdir -p /opt/smartwatts/airflow /opt/smartwatts/logs /opt/smartwatts/keys /opt/smartwatts/trust \
    && chown -R smartwatts:smartwatts /opt/smartwatts
COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/smartwatts
COPY dags dags
COPY plugins plugins
COPY scripts scripts
USER smartwatts
CMD ["smartwatts", "--help"]
