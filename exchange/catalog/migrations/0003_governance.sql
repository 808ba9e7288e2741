-- +goose Up
ALTER TABLE catalog_resource ADD COLUMN withheld BIGINT NOT NULL DEFAULT 0;
UPDATE catalog_resource SET state = 'revoked' WHERE state = 'withdrawn';
ALTER TABLE catalog_version ADD COLUMN published BIGINT NOT NULL DEFAULT 0;
UPDATE catalog_version SET published = COALESCE((SELECT r.published FROM catalog_resource r WHERE r.code = catalog_version.code AND r.version = catalog_version.version AND r.state IN ('published', 'revoked')), 0);
CREATE TABLE catalog_entry (
  code         TEXT PRIMARY KEY,
  department   TEXT NOT NULL,
  state        TEXT NOT NULL,
  version      BIGINT NOT NULL,
  in_force     BIGINT NOT NULL,
  name_key     TEXT NOT NULL,
  doc          TEXT NOT NULL,
  work         TEXT NOT NULL,
  source       TEXT NOT NULL,
  source_table TEXT NOT NULL,
  updated      BIGINT NOT NULL
);
CREATE INDEX catalog_entry_department ON catalog_entry (department, state);
CREATE INDEX catalog_entry_name ON catalog_entry (department, name_key);
INSERT INTO catalog_entry (code, department, state, version, in_force, name_key, doc, work, source, source_table, updated)
  SELECT code, department, state, version, CASE WHEN state = 'published' THEN version ELSE 0 END, name, '{}', doc, source, source_table, published
  FROM catalog_resource;
CREATE TABLE catalog_step (
  id         TEXT PRIMARY KEY,
  code       TEXT NOT NULL,
  department TEXT NOT NULL,
  time       BIGINT NOT NULL,
  actor      TEXT NOT NULL,
  event      TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state   TEXT NOT NULL,
  version    BIGINT NOT NULL,
  note       TEXT NOT NULL
);
CREATE INDEX catalog_step_code ON catalog_step (code, time);
CREATE TABLE catalog_assessment (
  id         TEXT PRIMARY KEY,
  code       TEXT NOT NULL,
  department TEXT NOT NULL,
  version    BIGINT NOT NULL,
  doc        TEXT NOT NULL,
  time       BIGINT NOT NULL
);
CREATE INDEX catalog_assessment_code ON catalog_assessment (code, version);
CREATE TABLE catalog_item (
  code       TEXT NOT NULL,
  stage      TEXT NOT NULL,
  name       TEXT NOT NULL,
  department TEXT NOT NULL,
  title      TEXT NOT NULL,
  title_key  TEXT NOT NULL,
  element    TEXT NOT NULL,
  PRIMARY KEY (code, stage, name)
);
CREATE INDEX catalog_item_title ON catalog_item (title_key);
CREATE INDEX catalog_item_element ON catalog_item (element);
CREATE TABLE catalog_register (
  item_key   TEXT PRIMARY KEY,
  element    TEXT NOT NULL,
  department TEXT NOT NULL,
  doc        TEXT NOT NULL,
  time       BIGINT NOT NULL
);
