-- +goose Up
CREATE TABLE notice_item (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  roles      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  subject    TEXT NOT NULL,
  time       BIGINT NOT NULL,
  doc        TEXT NOT NULL
);
CREATE INDEX notice_item_department ON notice_item (department, time, id);
CREATE INDEX notice_item_time ON notice_item (time);
CREATE TABLE notice_read (
  notice TEXT NOT NULL,
  actor  TEXT NOT NULL,
  time   BIGINT NOT NULL,
  PRIMARY KEY (notice, actor)
);
CREATE TABLE notice_preference (
  actor    TEXT PRIMARY KEY,
  mail     TEXT NOT NULL,
  mode     TEXT NOT NULL,
  lang     TEXT NOT NULL,
  digested BIGINT NOT NULL
);
CREATE TABLE notice_hook (
  id         TEXT PRIMARY KEY,
  department TEXT NOT NULL,
  url        TEXT NOT NULL,
  secret     TEXT NOT NULL,
  failures   BIGINT NOT NULL,
  disabled   BIGINT NOT NULL,
  created    BIGINT NOT NULL
);
CREATE INDEX notice_hook_department ON notice_hook (department, disabled);
