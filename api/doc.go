// Package api is the wire contract of the HTTP interface: paths, requests,
// answers, the envelope and the codes, as sections 2 to 12 of the protocol page
// settle them. Server and client both use it, and it has no behaviour.
//
// Names and codes never change meaning; new ones may be added. Fields that do
// not apply are absent from JSON, not null. Addresses are full-form strings,
// times are decimal strings where the page says so.
package api
