// Package webtest looks at pages as their visitors do: Check reads the HTML and finds what a screen reader would stumble
// over; Browser opens pages in Chromium, where axe-core judges them, the console and the content policy are listened to,
// and pictures are taken. Only tests import it. Without Chromium on the machine the tests of pages in a browser are
// skipped, unless KUAYU_REQUIRE_SERVICES is 1. KUAYU_SHOTS names a folder for pictures; without it none are taken.
package webtest
