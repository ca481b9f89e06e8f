# Parlor, one binary for every role: `docker run parlor:dev gateway`. See docker-compose.yml for the whole.

FROM rust:1.95-slim-bookworm AS build
# librdkafka is built here; its TLS and Cassandra's are the system's OpenSSL.
RUN apt-get update \
 && apt-get install -y --no-install-recommends build-essential cmake pkg-config libssl-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The caches stay on the machine that builds; the image gets the binary alone, without line tables.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --features engine-tls \
 && strip --strip-debug -o /parlor target/release/parlor

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates libssl3 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin parlor \
 && install -d -o parlor -g parlor -m 0700 /var/lib/parlor
COPY --from=build /parlor /usr/local/bin/parlor

# Inside a container every address is somebody else's: what is published is decided outside.
ENV PARLOR__LISTEN=0.0.0.0:8080 \
    PARLOR__ADMIN_LISTEN=0.0.0.0:8081 \
    PARLOR__DATA=/var/lib/parlor
EXPOSE 8080 8081
USER 10001:10001
WORKDIR /var/lib/parlor

# /livez on the operators' port, with what the image has anyway: bash speaks TCP.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
    CMD ["/bin/bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/${PARLOR__ADMIN_LISTEN##*:} && printf 'GET /livez HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r answer <&3 && [[ $answer == *' 200 '* ]]"]

# SIGTERM drains: clients are told to come back, then the process ends with 0.
STOPSIGNAL SIGTERM
ENTRYPOINT ["parlor"]
