# A static binary in an empty image, run by nobody.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o /veille ./cmd/veille && mkdir /data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /veille /veille
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
VOLUME /data
ENV VEILLE_DATA=/data
EXPOSE 8080
ENTRYPOINT ["/veille"]
CMD ["run"]
