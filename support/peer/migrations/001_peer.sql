-- +goose Up
CREATE TABLE peer_order (
  member    TEXT NOT NULL,
  subject   TEXT NOT NULL,
  direction TEXT NOT NULL,
  seq       BIGINT NOT NULL,
  PRIMARY KEY (member, subject, direction)
);
CREATE TABLE peer_in (
  member    TEXT NOT NULL,
  id        TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  received  BIGINT NOT NULL,
  PRIMARY KEY (member, id)
);
CREATE INDEX peer_in_received ON peer_in (received);
