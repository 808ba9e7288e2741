-- +goose Up
-- Who uses a resource.
CREATE INDEX agreement_negotiation_resource ON agreement_negotiation (resource, role, state);
CREATE INDEX agreement_standing_resource ON agreement_standing (resource, department);
