-- +goose Up
-- The authority's lists are of all departments, latest first.
CREATE INDEX objection_correction_updated ON objection_correction (updated);
CREATE INDEX objection_dispute_updated ON objection_dispute (updated);
