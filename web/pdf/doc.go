// Package pdf sets documents of a government as PDF: a title, a number, tables of terms, signatures, a code of squares
// and page numbers, on A4. It knows nothing of what a document is about.
//
// Chinese needs a font with Chinese in it. None is in this program: Find looks for one on the machine.
package pdf
