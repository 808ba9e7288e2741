// Package columnar holds small helpers around Apache Arrow: building a batch row by row, reading and writing the IPC
// stream, JSON rows and Parquet. It knows no noun of the domain. Decoders are bounded and turn a panic of the library
// on hostile bytes into an error.
package columnar
