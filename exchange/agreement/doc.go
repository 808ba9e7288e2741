// Package agreement is the law's way from an application to data and to its end (Decree 809 art. 20–22, 25–27).
//
// One pure state machine, next(state, event), serves both ends; each end keeps its own record and the two stay equal
// through sealed messages. The package returns effects; exchange/dataspace carries them out as Dataspace Protocol
// messages and brings in what comes back. The agreement itself is exact bytes, stored and hashed at both ends.
package agreement
