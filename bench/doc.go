// Package bench measures Kuayu against a bare baseline in the same run. A figure counts only as a ratio: both arms run
// as child processes of one binary, interleaved, under the same load generator, on the same machine.
package bench
