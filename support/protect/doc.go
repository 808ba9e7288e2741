// Package protect masks columns of Arrow record batches as a grant demands (Data Security Law art. 21, Personal
// Information Protection Law art. 51: the provider limits what leaves to what the purpose needs).
//
// Compile checks the masks against a schema once; Apply works batch by batch, column by column, and may be called from
// several goroutines. Columns without a mask are passed on as they are, without a copy.
//
// Invariants, tested as properties:
//   - Masking never reveals: a character at a hidden position is replaced by *, whatever the value; a value so short
//     that a rule would leave nothing hidden is hidden whole; what does not look like the rule expects is hidden more,
//     never less.
//   - Null stays null, and the bytes a batch may hold under a null are not passed on.
//   - The output is valid UTF-8 whatever the input is. Positions are characters, not bytes.
//   - A mask that cannot be applied is an error at Compile; nothing passes unmasked because of a misspelt name.
//
// A mask is no anonymisation: the length of a value, a surname, a county remain. The hash is pseudonymous: whoever
// holds the key can try out values.
package protect
