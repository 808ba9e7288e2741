-- +goose Up
CREATE TABLE queue_job (
  id          TEXT PRIMARY KEY,
  seq         BIGINT NOT NULL,
  kind        TEXT NOT NULL,
  serial_key  TEXT NOT NULL,
  payload     TEXT NOT NULL,
  run_at      BIGINT NOT NULL,
  lease_until BIGINT NOT NULL,
  attempts    BIGINT NOT NULL,
  dead        BIGINT NOT NULL,
  last_error  TEXT NOT NULL,
  created     BIGINT NOT NULL
);
CREATE INDEX queue_job_due ON queue_job (dead, run_at);
CREATE INDEX queue_job_serial ON queue_job (serial_key, seq);
CREATE TABLE queue_seq (one BIGINT PRIMARY KEY, seq BIGINT NOT NULL);
INSERT INTO queue_seq (one, seq) VALUES (1, 0);
