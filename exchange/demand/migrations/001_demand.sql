-- +goose Up
CREATE TABLE demand_demand (
  id         TEXT NOT NULL,
  side       TEXT NOT NULL,
  department TEXT NOT NULL,
  member     TEXT NOT NULL,
  state      TEXT NOT NULL,
  doc        TEXT NOT NULL,
  updated    BIGINT NOT NULL,
  PRIMARY KEY (id, side)
);
CREATE INDEX demand_demand_department ON demand_demand (department, updated);
CREATE INDEX demand_demand_updated ON demand_demand (updated);
