-- +goose Up
CREATE TABLE identity_department (
  id       TEXT PRIMARY KEY,
  name     TEXT NOT NULL,
  division TEXT NOT NULL
);
CREATE TABLE identity_actor (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  name       TEXT NOT NULL,
  kind       TEXT NOT NULL,
  roles      TEXT NOT NULL,
  public_key TEXT NOT NULL,
  disabled   BIGINT NOT NULL
);
CREATE TABLE identity_session (
  hash    TEXT PRIMARY KEY,
  actor   TEXT NOT NULL,
  expires BIGINT NOT NULL
);
CREATE TABLE identity_assertion (
  jti     TEXT PRIMARY KEY,
  expires BIGINT NOT NULL
);
CREATE TABLE identity_signin (
  id         TEXT PRIMARY KEY,
  time       BIGINT NOT NULL,
  actor      TEXT NOT NULL,
  department TEXT NOT NULL,
  outcome    TEXT NOT NULL
);
