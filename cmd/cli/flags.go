package cli

import (
	"bytes"
	"errors"
	"os"
	"strings"

	"github.com/alecthomas/kong"
)

// DefaultDir is where a node lives unless --dir says otherwise.
const DefaultDir = "./kuayu-data"

// Flags are those every command takes.
type Flags struct {
	Lang     string `enum:"zh,en" default:"${lang}" env:"KUAYU_LANG" help:"语言：zh 或 en。|Language: zh or en."`
	Output   string `short:"o" enum:"table,json,csv" default:"table" help:"输出格式：table、json 或 csv。|Form of the output: table, json or csv."`
	Dir      string `default:"./kuayu-data" env:"KUAYU_DIR" placeholder:"DIR" help:"节点的数据目录。|Data folder of the node."`
	Node     string `env:"KUAYU_NODE" placeholder:"URL" help:"节点工作人员接口的地址；缺省取自数据目录的配置。|Address of the node's staff listener; default from the data folder's configuration."`
	Audience string `env:"KUAYU_AUDIENCE" placeholder:"ID" help:"节点的成员编号；缺省取自配置。|The node's member id; default from the configuration."`
	Actor    string `env:"KUAYU_ACTOR" placeholder:"ID" help:"以谁的身份操作；缺省取私钥的文件名。|Who acts; default the name of the key file."`
	Key      string `env:"KUAYU_KEY" placeholder:"FILE" help:"操作人的 Ed25519 私钥文件（0600）；缺省 DIR/officers/ACTOR.key。|The actor's Ed25519 key file (0600); default DIR/officers/ACTOR.key."`
	CA       string `name:"ca" env:"KUAYU_CA" placeholder:"FILE" help:"节点的 CA 证书；缺省 DIR/keys/ca.pem。|CA certificate of the node; default DIR/keys/ca.pem."`
}

// LanguageOf says in which language to speak before the flags are parsed: --lang, KUAYU_LANG, then the locale; Chinese
// unless the locale is English.
func LanguageOf(args []string) string {
	for i, a := range args {
		if v, ok := strings.CutPrefix(a, "--lang="); ok && (v == "en" || v == "zh") {
			return v
		}
		if a == "--lang" && i+1 < len(args) && (args[i+1] == "en" || args[i+1] == "zh") {
			return args[i+1]
		}
	}
	for _, name := range []string{"KUAYU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			if strings.HasPrefix(v, "en") {
				return "en"
			}
			return "zh"
		}
	}
	return "zh"
}

// Speak picks one language of every help text: they are written "中文|English".
func Speak(lang string) kong.Option {
	pick := func(s string) string {
		zh, en, ok := strings.Cut(s, "|")
		switch {
		case !ok:
			return s
		case lang == "en":
			return en
		default:
			return zh
		}
	}
	return kong.PostBuild(func(k *kong.Kong) error {
		if lang == "zh" {
			k.Model.HelpFlag.Help = "显示帮助。"
		}
		return kong.Visit(k.Model, func(v kong.Visitable, next kong.Next) error {
			switch n := v.(type) {
			case *kong.Node:
				n.Help = pick(n.Help)
			case *kong.Flag:
				n.Help = pick(n.Help)
			case *kong.Value:
				n.Help = pick(n.Help)
			}
			return next(nil)
		})
	})
}

// HelpIn prints kong's help with its few fixed words in the language.
func HelpIn(lang string) kong.HelpPrinter {
	return func(o kong.HelpOptions, k *kong.Context) error {
		if lang == "en" {
			return kong.DefaultHelpPrinter(o, k)
		}
		out := k.Stdout
		var b bytes.Buffer
		k.Stdout = &b
		err := kong.DefaultHelpPrinter(o, k)
		k.Stdout = out
		words := strings.NewReplacer("Usage:", "用法：", "\nArguments:\n", "\n参数：\n", "\nFlags:\n", "\n选项：\n", "\nCommands:\n", "\n命令：\n",
			"\" for more information on a command.", "\" 查看某个命令的说明。", "Run \"", "运行 \"")
		_, werr := words.WriteString(out, b.String())
		return errors.Join(err, werr)
	}
}
