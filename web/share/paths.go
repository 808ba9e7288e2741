package share

// Addresses that nobody else leads to.
const (
	pathDuties   = "/responsibilities"
	pathRegister = "/register"
	pathWithheld = "/withheld"
	pathSchemes  = "/schemes"

	pathDisputes  = "/disputes"
	pathRefetches = "/refetches"
)
