-- +goose Up
CREATE INDEX identity_actor_department ON identity_actor (department, id);
CREATE INDEX identity_session_actor ON identity_session (actor);
CREATE INDEX identity_signin_time ON identity_signin (time, id);
CREATE INDEX identity_signin_department ON identity_signin (department, time, id);
CREATE INDEX identity_signin_actor ON identity_signin (actor, time, id);
