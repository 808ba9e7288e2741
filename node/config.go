package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/kuayu/kuayu/exchange/dataspace"
	"github.com/kuayu/kuayu/internal/disk"
	"github.com/kuayu/kuayu/internal/errs"
	"github.com/kuayu/kuayu/internal/httpx"
	"github.com/kuayu/kuayu/support/federation"
	"github.com/kuayu/kuayu/support/notice"
	"github.com/kuayu/kuayu/support/seal"
	"github.com/kuayu/kuayu/web/screen"
)

// The errors of this package.
var (
	ErrConfig   = errs.Define(errs.Invalid, "config.invalid", "配置不正确：%[2]v。", "The configuration is not valid: %[1]v.")
	ErrRekey    = errs.Define(errs.Precondition, "node.rekey", "章程中本成员的根密钥还不是新密钥：请等提案通过后再试。", "The constitution does not name the new root key yet: try again when the proposal is adopted.")
	ErrRekeying = errs.Define(errs.Precondition, "node.rekeying", "更换密钥中断在半途：请重新运行 kuayu rekey accept。", "Taking the new keys was interrupted: run kuayu rekey accept again.")
	ErrRekeyed  = errs.Define(errs.Conflict, "node.rekeyed", "申请新密钥之后又开始了新的一期存证：请重新运行 kuayu rekey request 并重新提案。", "An epoch of evidence was begun after the request: run kuayu rekey request again, and propose it again.")
	ErrInUse    = errs.Define(errs.Conflict, "node.in_use", "数据目录正被另一个节点进程使用。", "The data folder is in use by another node process.")
)

// Listen are the addresses of the four listeners, each with its own TLS. An empty address switches one off.
type Listen struct {
	Peer   string `json:"peer"`   // other members only
	Staff  string `json:"staff"`  // officers and machine clients
	Public string `json:"public"` // everybody: constitution, public log
	Admin  string `json:"admin"`  // metrics and profiles; loopback by default
	// Dataspace is for participants of other dataspaces, known by tokens; off unless an address is given.
	Dataspace string `json:"dataspace,omitempty"`
}

// Config is the one configuration of a node. Every key has a default but member, name and division.
type Config struct {
	Member   string `json:"member"`   // identifier in the federation
	Name     string `json:"name"`     // 浙江省
	NameEN   string `json:"name_en"`  // Zhejiang
	Division string `json:"division"` // GB/T 2260
	Instance string `json:"instance"`
	Suite    string `json:"suite"`    // ed25519-sha256 or sm2-sm3
	Database string `json:"database"` // path of a SQLite file, or postgres://…
	Listen   Listen `json:"listen"`
	// PeerURL and PublicURL are how others reach this node.
	PeerURL      string   `json:"peer_url"`
	PublicURL    string   `json:"public_url"`
	DNSNames     []string `json:"dns_names"`
	CheckpointMS int      `json:"checkpoint_ms"` // between checkpoints of the public log, ≥ 100
	FlushGapUS   int      `json:"flush_gap_us"`  // longest pause between flushes of evidence under load
	LogLevel     string   `json:"log_level"`
	Profiles     []string `json:"profiles,omitempty"` // files with regional profiles of the law's clocks: stricter, never looser
	// Participants are connectors of other dataspaces; DataspaceURL is how they reach this node, Base included.
	Participants []dataspace.Participant `json:"participants,omitempty"`
	DataspaceURL string                  `json:"dataspace_url,omitempty"`
	Mail         *notice.MailConfig      `json:"mail,omitempty"` // how mail leaves; none: the inbox alone
	Map          *screen.Map             `json:"map,omitempty"`  // behind the members on the board; none: a schematic
	// Font is the TrueType file that documents are printed in; none: the usual folders are looked through.
	Font string `json:"font,omitempty"`
}

// ConfigFile is the name of the configuration in the data folder.
const ConfigFile = "kuayu.json"

// Defaults fills what is empty.
func (c Config) Defaults(dir string) Config {
	def := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	def(&c.Instance, "1")
	def(&c.Suite, seal.Ed25519SHA256.String())
	def(&c.Database, filepath.Join(dir, "records.db"))
	def(&c.Listen.Peer, "127.0.0.1:8441")
	def(&c.Listen.Staff, "127.0.0.1:8442")
	def(&c.Listen.Public, "127.0.0.1:8443")
	def(&c.Listen.Admin, "127.0.0.1:8444")
	def(&c.PeerURL, "https://"+c.Listen.Peer)
	def(&c.PublicURL, "https://"+c.Listen.Public)
	def(&c.LogLevel, "info")
	if c.Listen.Dataspace != "" {
		def(&c.DataspaceURL, "https://"+c.Listen.Dataspace+dataspace.Base)
	}
	if c.Mail != nil {
		m := c.Mail.Defaults("https://" + c.Listen.Staff)
		for _, f := range []*string{&m.PasswordFile, &m.CAFile} {
			if *f != "" && !filepath.IsAbs(*f) {
				*f = filepath.Join(dir, *f)
			}
		}
		c.Mail = &m
	}
	if len(c.DNSNames) == 0 {
		c.DNSNames = []string{"localhost", c.Member + ".localhost"}
	}
	if c.CheckpointMS == 0 {
		c.CheckpointMS = 1000
	}
	return c
}

// Check validates the configuration.
func (c *Config) Check() error {
	bad := func(en, zh string) error { return ErrConfig.With(en, zh) }
	switch {
	case c.Member == "" || c.Name == "":
		return bad("member or name missing", "缺少 member 或 name")
	case len(c.Division) != 6:
		return bad("division must be a 6-digit code of GB/T 2260", "division 须为 6 位行政区划代码")
	case c.CheckpointMS < 100 || c.CheckpointMS > 600_000:
		return bad("checkpoint_ms must be 100 to 600000", "checkpoint_ms 须为 100 至 600000")
	case c.FlushGapUS < 0 || c.FlushGapUS > 100_000:
		return bad("flush_gap_us must be 0 to 100000", "flush_gap_us 须为 0 至 100000")
	}
	for i := range c.Participants {
		if err := c.Participants[i].Check(); err != nil {
			return err
		}
	}
	if c.Mail != nil {
		if err := c.Mail.Check(); err != nil {
			return err
		}
	}
	if m := c.Map; m != nil {
		if m.File == "" || m.ApprovalNo == "" {
			return bad("map needs file and approval_no: maps are reviewed before they are shown", "map 须同时填写 file 和 approval_no（审图号）：地图须经审核方可展示")
		}
		if _, err := os.Stat(m.File); err != nil {
			return bad("the map's file cannot be read", "无法读取 map 的 file")
		}
	}
	_, err := seal.ParseSuite(c.Suite)
	return err
}

// LoadConfig reads the configuration of a data folder; federation.ErrNoNode if there is none.
func LoadConfig(dir string) (Config, error) {
	var c Config
	b, err := os.ReadFile(filepath.Join(dir, ConfigFile))
	if errors.Is(err, fs.ErrNotExist) {
		return c, federation.ErrNoNode.Because(err)
	}
	if err != nil {
		return c, ErrConfig.Because(err, "unreadable", "无法读取")
	}
	if err := httpx.Unmarshal(b, &c); err != nil {
		return c, err
	}
	c = c.Defaults(dir)
	return c, c.Check()
}

// Init makes a new node in dir: keys and configuration. ErrExists if there is one already.
func Init(dir string, c Config, now time.Time) (*federation.Keys, error) {
	c = c.Defaults(dir)
	if err := c.Check(); err != nil {
		return nil, err
	}
	suite, err := seal.ParseSuite(c.Suite)
	if err != nil {
		return nil, err
	}
	if err := (disk.OS{}).MkdirAll(dir); err != nil {
		return nil, ErrConfig.Because(err, "the folder cannot be made", "无法创建目录")
	}
	keys, err := federation.GenerateKeys(filepath.Join(dir, "keys"), c.Member, suite, now)
	if err != nil {
		return nil, err
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return keys, disk.WriteFile(filepath.Join(dir, ConfigFile), append(b, '\n'))
}
