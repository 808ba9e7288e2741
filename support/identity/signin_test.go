package identity

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/kuayu/kuayu/internal/clock"
	"github.com/kuayu/kuayu/internal/db"
	"github.com/kuayu/kuayu/internal/dbtest"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/internal/ids"
	"github.com/kuayu/kuayu/support/standard"
)

// from is a context of a request from an address.
func from(t *testing.T, address string) (ctx context.Context) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.RemoteAddr = address + ":1"
	httpx.NewBudget(httpx.Limits{}, nil, nil).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx = context.WithoutCancel(r.Context())
	})).ServeHTTP(httptest.NewRecorder(), r)
	return ctx
}

// TestSignInIsBounded: three thousand attempts leave few rows and keep nobody out; the head of a department sees those
// against its people; claims hold text, or nothing is asked of the database.
func TestSignInIsBounded(t *testing.T) {
	for name, dsn := range map[string]func(*testing.T) string{
		"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "records.db") },
		"postgres": func(t *testing.T) string { return dbtest.Postgres(t) },
	} {
		t.Run(name, func(t *testing.T) {
			d, err := db.Open(t.Context(), dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = d.Close() }()
			if err := Migrate(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			now := clock.NewManual(time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC))
			s := NewService(d, now, ids.Random{}, "310000", "shanghai")
			org, err := standard.MakeOrganisationCode("MY000001")
			if err != nil {
				t.Fatal(err)
			}
			code, err := standard.MakeUSCC("11310000" + org.String())
			if err != nil {
				t.Fatal(err)
			}
			office := code.String()
			if err := s.AddDepartment(t.Context(), Department{ID: office, Name: "部门"}); err != nil {
				t.Fatal(err)
			}
			pub, key, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			err = s.AddActor(t.Context(), Actor{ID: "officer", Department: office, Name: "经办人", Kind: "officer", Roles: []Role{DataOfficer}, PublicKey: base64.RawURLEncoding.EncodeToString(pub)})
			if err != nil {
				t.Fatal(err)
			}
			_, other, err := ed25519.GenerateKey(nil)
			if err != nil {
				t.Fatal(err)
			}
			assertion := func(k ed25519.PrivateKey, actor string) string {
				a, err := Assert(k, actor, "shanghai", ids.Random{}.NewID(), now.Now())
				if err != nil {
					t.Fatal(err)
				}
				return a
			}
			rows := func() (n int) {
				t.Helper()
				if err := d.Read().NewRaw("SELECT count(*) FROM identity_signin").Scan(t.Context(), &n); err != nil {
					t.Fatal(err)
				}
				return n
			}

			// Claims that are no text: refused, and never an error of the database.
			for claims, header := range map[string]string{
				`{"sub":"a\u0000b"}`: "", `{"sub":"officer","iss":"a\u001b"}`: "", `{"sub":"officer","jti":"\u0000"}`: "",
				`{"sub":"` + strings.Repeat("x", 600) + `"}`: "", `{"sub":7}`: "", "{\"sub\":\"\xff\x00\"}": "", `{"sub":"officer"}`: "k\x00",
			} {
				signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: header}}, nil)
				if err != nil {
					t.Fatal(err)
				}
				text, err := jwt.Signed(signer).Claims(json.RawMessage(claims)).Serialize()
				if err != nil {
					continue // not even its author can write it
				}
				if _, _, err := s.SignIn(from(t, "192.0.2.9"), text); !errors.Is(err, ErrAssertion) {
					t.Errorf("%.40q: %v", claims, err)
				}
			}

			ctx, had, throttled := from(t, "192.0.2.1"), rows(), 0
			for i := range 3000 {
				actor := "officer"
				if i%2 == 1 {
					actor = fmt.Sprint("nobody", i)
				}
				_, _, err := s.SignIn(ctx, assertion(other, actor))
				switch {
				case errors.Is(err, ErrThrottled):
					throttled++
					if errs.As(err).After <= 0 {
						t.Fatal("it does not say when to try again")
					}
				case !errors.Is(err, ErrAssertion):
					t.Fatal(err)
				}
			}
			if n := rows() - had; n > failBurst || throttled < 2900 {
				t.Errorf("3000 attempts: %d rows, %d throttled", n, throttled)
			}
			// Whom the attempts named gets in, from elsewhere at once.
			if _, _, err := s.SignIn(from(t, "192.0.2.2"), assertion(key, "officer")); err != nil {
				t.Errorf("the officer is locked out: %v", err)
			}
			// … and from there, when the address has calmed down.
			now.Advance(time.Minute)
			if _, _, err := s.SignIn(ctx, assertion(key, "officer")); err != nil {
				t.Errorf("the officer is locked out: %v", err)
			}
			seen, err := s.SignIns(t.Context(), db.In("310000", office, "head"), 100)
			if err != nil {
				t.Fatal(err)
			}
			refused := 0
			for _, r := range seen {
				if r.Outcome == "refused" && r.Actor == "officer" {
					refused++
				}
			}
			if refused < 5 {
				t.Errorf("the head sees %d refused attempts", refused)
			}
			now.Advance(200 * 24 * time.Hour)
			if err := s.Trim(t.Context(), 180*24*time.Hour); err != nil || rows() != 0 {
				t.Errorf("trimmed: %d rows left (%v)", rows(), err)
			}
		})
	}
}
