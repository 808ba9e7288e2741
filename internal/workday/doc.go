// Package workday counts working days as the yearly notices of the General Office of the State Council fix them:
// Saturdays and Sundays are off, public holidays are off, make-up days (调休) are worked.
//
// The deadlines of Decree 809 (arts. 17, 20–22, 26) are in working days; the day on which something happens does not
// count (Civil Code art. 201), so a request received on day 0 with 10 working days is due on the 10th working day
// after. All dates are those of China Standard Time, UTC+8, whatever the location of the time.Time.
//
// Invariants:
//   - A Calendar is immutable. Import returns another one.
//   - Between(t, AddWorkdays(t, n)) == n for n ≠ 0.
//   - Nothing is guessed silently. A notice appears in the autumn before its year; beyond it the calendar counts weekdays
//     alone and says certain == false. Who must not go wrong asks Require first. The last week of December counts as
//     uncertain until the notice of the next year is known, since that notice may move those days (2018 and 2022 did).
package workday
