# syntax=docker/dockerfile:1
# docker buildx build --platform linux/amd64,linux/arm64 --build-arg VERSION=0.1.0 .

# Compiles for the other machine, too: so the build itself always runs on its own.
FROM --platform=$BUILDPLATFORM denoland/deno:2.9.6 AS build
WORKDIR /src
COPY . .
ARG TARGETARCH
RUN case "$TARGETARCH" in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; \
      *) echo "there is no image for $TARGETARCH" >&2; exit 1 ;; esac && \
    deno task compile "$machine" && \
    mkdir out && mv "dist/hub-$machine" out/hub && mv "dist/spoke-$machine" out/spoke

# glibc and libgcc, which Deno needs; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="wg-kube" \
      org.opencontainers.image.description="A WireGuard hub and its spokes, kept by Kubernetes Nodes" \
      org.opencontainers.image.source="https://github.com/wg-kube/wg-kube" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /src/out/hub /src/out/spoke /usr/local/bin/
# The heap is sized by the container's limit, not by the machine's memory.
ENV DENO_USE_CGROUPS=1 DENO_NO_UPDATE_CHECK=1
ENTRYPOINT ["/usr/local/bin/hub"]
