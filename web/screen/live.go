package screen

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/a-h/templ"

	"github.com/kuayu/kuayu/web/staff"
)

const (
	flowEvery  = 500 * time.Millisecond // exchanges that ended meanwhile go out together
	blockEvery = 5 * time.Second        // blocks are made anew
	asleep     = 15 * time.Second       // a comment, so that both ends notice a dead connection
	longest    = 10 * time.Minute       // then the page comes again, with its session looked at anew
	maxLooking = 32
)

// flow is how many exchanges ended on a way since the last message.
type flow struct {
	Way    string `json:"way"`
	N      int    `json:"n"`
	Failed int    `json:"failed"`
}

// events streams what happens. Nothing in it is about a person.
func (s *Screen) events(w http.ResponseWriter, q staff.Visit) error {
	if s.looking.Add(1) > maxLooking {
		s.looking.Add(-1)
		return ErrFull.With()
	}
	defer s.looking.Add(-1)
	out := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	if err := out.Flush(); err != nil {
		return nil // whoever looked is gone
	}
	happened, stop := s.Exchanges.Live(q.Sess.Scope())
	defer stop()
	flows, blocks, alive, end := time.NewTicker(flowEvery), time.NewTicker(blockEvery), time.NewTicker(asleep), time.NewTimer(longest)
	defer func() { flows.Stop(); blocks.Stop(); alive.Stop(); end.Stop() }()
	count, shown, places := map[string]*flow{}, map[string]string{}, s.places()
	for {
		var err error
		select {
		case <-q.Context().Done():
			return nil
		case <-s.ended:
			return nil
		case <-end.C:
			return nil
		case e := <-happened:
			if id, ok := places[e.Member]; ok {
				w := wayID(e.Side, id)
				if count[w] == nil {
					count[w] = &flow{Way: w}
				}
				count[w].N++
				if !e.OK {
					count[w].Failed++
				}
			}
			continue
		case <-flows.C:
			for _, f := range count {
				err = send(w, "flow", f)
			}
			if len(count) == 0 {
				continue
			}
			clear(count)
		case <-blocks.C:
			err = s.sendBlocks(w, q, shown)
		case <-alive.C:
			_, err = w.Write([]byte(":\n\n"))
		}
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			return nil // whoever looked is gone
		}
	}
}

// places are the members by where they stand on the schematic.
func (s *Screen) places() map[string]int {
	out := map[string]int{}
	for i, m := range s.MemberRegistry.Current().Members {
		out[m.ID] = i
	}
	return out
}

// block is a part of the board by its id.
type block struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// sendBlocks makes the board anew and sends the blocks that changed.
func (s *Screen) sendBlocks(w http.ResponseWriter, q staff.Visit, shown map[string]string) error {
	b, err := s.board(q)
	if err != nil {
		return nil //nolint:nilerr // the next round may do better; the stamp on the board tells its age
	}
	for id, part := range map[string]templ.Component{
		"stamp": stampBlock(q.V, b), "today": todayBlock(q.V, b), "hours": hoursBlock(q.V, b), "pace": paceBlock(q.V, b), "ways": waysBlock(q.V, b),
		"urgent": urgentBlock(q.V, b), "late": lateBlock(q.V, b), "top": topBlock(q.V, b), "last": lastBlock(q.V, b),
	} {
		var html bytes.Buffer
		if err := part.Render(q.Context(), &html); err != nil {
			return err
		}
		if shown[id] == html.String() {
			continue
		}
		shown[id] = html.String()
		if err := send(w, "block", block{ID: id, HTML: html.String()}); err != nil {
			return err
		}
	}
	return nil
}

func send(w http.ResponseWriter, kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", kind, b)
	return err
}
