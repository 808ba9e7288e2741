-- +goose Up
CREATE TABLE queue_dropped (
  id         TEXT NOT NULL,
  kind       TEXT NOT NULL,
  payload    TEXT NOT NULL,
  last_error TEXT NOT NULL,
  who        TEXT NOT NULL,
  reason     TEXT NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (id, at)
);
