-- +goose Up
CREATE TABLE dataspace_callback (
  process TEXT PRIMARY KEY,
  address TEXT NOT NULL
);
CREATE TABLE dataspace_received (
  participant TEXT NOT NULL,
  id          TEXT NOT NULL,
  body_hash   TEXT NOT NULL,
  answer      TEXT NOT NULL,
  received    BIGINT NOT NULL,
  PRIMARY KEY (participant, id)
);
CREATE TABLE dataspace_transfer (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  role       TEXT NOT NULL,
  state      TEXT NOT NULL,
  peer       TEXT NOT NULL,
  member     TEXT NOT NULL,
  agreement  TEXT NOT NULL,
  doc        TEXT NOT NULL,
  updated    BIGINT NOT NULL
);
CREATE INDEX dataspace_transfer_agreement ON dataspace_transfer (agreement, state);
CREATE INDEX dataspace_transfer_peer ON dataspace_transfer (member, peer);
CREATE INDEX dataspace_transfer_department ON dataspace_transfer (department, updated);
