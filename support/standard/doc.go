// Package standard holds the identifiers of the national standards as distinct types, with every check the standards
// allow and a stable reason for every failure.
//
//   - CitizenID: GB 11643-1999, 18 characters, ISO 7064 MOD 11-2.
//   - USCC: unified social credit code, GB 32100-2015, 18 characters of a 31-character alphabet.
//   - OrganisationCode: GB 11714-1997, 9 characters; it is also positions 9–17 of a USCC.
//   - DivisionCode: GB/T 2260 (6 digits) and GB/T 10114 (9 digits), with periods of validity in Divisions.
//   - ElectronicCertificateID: GB/T 36904-2018, ISO 7064 MOD 37,36 (GB/T 17710).
//
// Every identifier has CheckX(text) (Fault, error), which neither allocates nor formats when the text is good, and
// ParseX(text) (X, error), which is the only way to make one from foreign text. A value of one of these types that
// came from ParseX, MakeX or NewX satisfies its standard; Parse(String()) gives the same value back.
//
// Messages name positions, lengths and check characters, never the identifier: they may be logged.
//
// A passing check says that an identifier was written down without a slip. It does not say that anyone holds it.
package standard
