package share

// Addresses of the lists that are made of what the departments describe.
const (
	pathDuties   = "/responsibilities"
	pathRegister = "/register"
	pathWithheld = "/withheld"
)
