package cli

import "testing"

func TestLanguage(t *testing.T) {
	for _, c := range []struct {
		env, value string
		args       []string
		want       string
	}{
		{"LANG", "en_GB.UTF-8", nil, "en"},
		{"LANG", "zh_CN.UTF-8", nil, "zh"},
		{"LANG", "C", nil, "zh"},
		{"KUAYU_LANG", "en", nil, "en"},
		{"LANG", "en_GB.UTF-8", []string{"--lang", "zh"}, "zh"},
		{"LANG", "zh_CN.UTF-8", []string{"x", "--lang=en"}, "en"},
	} {
		for _, n := range []string{"KUAYU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
			t.Setenv(n, "")
		}
		t.Setenv(c.env, c.value)
		if got := LanguageOf(c.args); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
