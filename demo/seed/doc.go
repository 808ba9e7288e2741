// Package seed makes and inspects demonstration data for the four provinces: enterprises, natural persons, epidemic
// figures and fever clinics.
//
// # Generated data
//
// Enterprises and Persons are generators with a fixed seed: the same arguments give the same rows on every machine.
// Nobody and nothing in them is real:
//
//   - A citizen identity number begins with the code of a city (320500) or, for Shanghai, of the province. Numbers are
//     given by counties and carry their codes, so none of these was ever given, though all checks pass.
//   - A mobile number begins with 164, a block not opened to subscribers when this was written.
//   - An organisation code begins with 9 or with MY, series not in use when this was written.
//   - Names, enterprises' names and addresses are drawn from short word lists typed for this package. They can coincide
//     with real ones by chance, as any name can; nothing else about the row then fits.
//
// Every screen that shows such rows must say that they are made up.
//
// The enterprises have the dirt that registers have, in the proportions measured province by province on 518,032
// registrations (codes of 15 digits, lower-case letters, wrong check characters, abolished divisions, N/A, spellings of
// capital units, both kinds of brackets, shifted columns, duplicates). InspectEnterprises finds it; Dirt says how much
// to expect.
//
// # Real data
//
// The folder data holds two public data sets; its NOTICE names their licences. OpenEpidemic and OpenClinics read them.
package seed
