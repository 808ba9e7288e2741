// Package rest is the JSON face of a node: one table of routes, each with who may call it, from which the OpenAPI 3.1
// description is made. Handlers decode, call one method, encode; rules live in the services.
package rest
