// Package text checks text where it enters a node: once, and before anything is decided, stored or sealed.
//
// What passes is valid UTF-8, holds no control character, and is no longer than its bound. A Line can only be made by that
// check (Parse, or decoding), so whoever is given one need not check again. What a person wrote in several lines is a
// block: Block allows line breaks and tabs as well. Escaped checks JSON before it is decoded, because a decoder turns lone
// surrogates into another character without a word.
package text
