# Dashboard, HTTP interface and command line in one image, for CPUs of the kinds amd64 and arm64:
#   docker build --tag emotion-core --build-arg PIP_ARGS="--extra-index-url URL" .
# URL is the index that pytorch.org names for builds without CUDA. Both kinds need it: without it pip
# takes builds with CUDA, which are larger by gigabytes.
# Whoever passes this image on distributes GPL code: NOTICE says why.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
ARG PIP_ARGS=""
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements.txt ./
RUN /opt/venv/bin/python -m pip install ${PIP_ARGS} -r requirements.txt
COPY pyproject.toml README.md LICENSE NOTICE app.py ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY pages pages
COPY checkpoints checkpoints
COPY emotion_core emotion_core
RUN /opt/venv/bin/python -m pip install ${PIP_ARGS} --no-deps .
# What only building against PyTorch needs, and the packages' own tests. PyTorch does not start without
# torch_shm_manager.
RUN cd /opt/venv/lib/python3*/site-packages && rm -rf torch/include torch/test onnx/backend/test \
    && find torch/bin -type f ! -name torch_shm_manager -delete \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && /opt/venv/bin/python -c "import torch, onnx, onnxruntime, sklearn, pandas, streamlit"
RUN size=$(du -sm /opt/venv | cut -f1); test "$size" -lt 2200 || { echo "error: the environment has \
    $size MB. It holds PyTorch with CUDA: name the index for CPUs in PIP_ARGS."; exit 1; }

FROM ${PYTHON_IMAGE}
COPY LICENSE NOTICE /usr/share/doc/emotion-core/
RUN useradd --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin emotion
COPY --from=build /opt/venv /opt/venv
# Only /data and /tmp are written: the rest can be mounted read-only.
ENV PATH=/opt/venv/bin:$PATH HOME=/data EMOTION_HOME=/data/emotion EMOTION_CACHE=/data/cache \
    PYTHONDONTWRITEBYTECODE=1 STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    HEALTH_URL=http://127.0.0.1:8501/_stcore/health
USER emotion
WORKDIR /data
VOLUME /data
EXPOSE 8501 8600
HEALTHCHECK --interval=30s --timeout=10s --start-period=120s \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['HEALTH_URL'], timeout=8)"]
ENTRYPOINT ["emotion-core"]
CMD ["dashboard", "--headless"]
