// Package tour is what the demonstration alone has for its visitors: the page on which they choose whose place to take, at
// any of its nodes. `kuayu serve` has no route to it. There are no passwords here and no keys.
package tour
