// Package folder makes a node in a data folder and opens it there: what commands do where no node runs yet, or none that
// could be asked. A folder belongs to one process at a time; whoever opens it holds its lock.
package folder
