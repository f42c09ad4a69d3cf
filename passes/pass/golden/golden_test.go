package golden

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sotto/ir"
	"sotto/passes/pass"
)

var nothing = &pass.Pass{Name: "nothing", Needs: ir.Net, Run: func(*pass.Context, *ir.Module) error { return nil }}

func parsed(t *testing.T, body string) *ir.Module {
	t.Helper()
	m, err := ir.Parse("t.ir", "module net\nfunc @f(%x: f32[4], %y: f32[4]) -> f32[4] {\n"+body+"}")
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestFingerprintTellsWhatIsComputed(t *testing.T) {
	const original = "%1 = nn.relu %x : f32[4]\n%2 = nn.square %y : f32[4]\n%3 = nn.add %1, %2 : f32[4]\nreturn %3\n"
	for _, c := range []struct {
		body string
		same bool
	}{
		{"%b = nn.square %y : f32[4]\n%a = nn.relu %x : f32[4]\n%c = nn.add %a, %b : f32[4]\nreturn %c\n", true},
		{"%1 = nn.relu %x : f32[4]  @0:0:0/act\n%2 = nn.square %y : f32[4]\n%3 = nn.add %1, %2 : f32[4]\nreturn %3\n", true},
		{"%1 = nn.relu %y : f32[4]\n%2 = nn.square %x : f32[4]\n%3 = nn.add %1, %2 : f32[4]\nreturn %3\n", false},
		{"%1 = nn.relu %x : f32[4]\n%2 = nn.square %y : f32[4]\n%3 = nn.add %2, %1 : f32[4]\nreturn %3\n", false},
		{"%1 = nn.relu %x {seen=[0.0,1.0]} : f32[4]\n%2 = nn.square %y : f32[4]\n%3 = nn.add %1, %2 : f32[4]\nreturn %3\n", false},
		{"%1 = nn.relu %x : f32[4]\n%2 = nn.square %y : f32[4]\n%3 = nn.add %1, %2 : f32[4]\nreturn %1\n", false},
		{"%0 = nn.negate %x : f32[4]\n%1 = nn.relu %x : f32[4]\n%2 = nn.square %y : f32[4]\n%3 = nn.add %1, %2 : f32[4]\nreturn %3\n", false},
	} {
		if same := slices.Equal(Fingerprint(parsed(t, original)), Fingerprint(parsed(t, c.body))); same != c.same {
			t.Errorf("equal: %v, want %v\n%s", same, c.same, c.body)
		}
	}
}

func TestShufflesVerifyAndKeepTheFingerprint(t *testing.T) {
	moved := false
	rapid.Check(t, func(t *rapid.T) {
		d := DrawNet(t, "", "nn.argmax")
		other := d.Space.Clone()
		Shuffle(other, rapid.Uint64().Draw(t, "order"))
		if err := ir.Check(other); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(Fingerprint(d.Space), Fingerprint(other)) {
			t.Fatalf("%s\nshuffled:\n%s", d.Space, other)
		}
		moved = moved || other.String() != d.Space.String()
	})
	if !moved {
		t.Error("no shuffle changed the order of any network")
	}
}

func TestCasesThatAreNotUnderstood(t *testing.T) {
	const module = "-- in.ir --\nmodule net\n"
	for _, c := range []struct{ text, want string }{
		{"prose\n", "no section in.ir"},
		{"#pass: nothing\n" + module, "no setting is called"},
		{"#passes: something\n" + module, "offers no pass"},
		{"#deploy: both\n" + module, "unknown deployment"},
		{"#ring: wide\n" + module, "accepted are 32 and 64"},
		{"#choose: act\n" + module, "accepted is SITE=OPTION"},
		{module + "-- weights --\nconv.weight\n", "accepted is a path and numbers"},
		{module + "-- inputs --\n1 two\n", "is no number"},
	} {
		if _, err := parseCase([]byte(c.text), []*pass.Pass{nothing}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: got %v, want it to say %q", c.text, err, c.want)
		}
	}
}

func TestUpdatingKeepsWhatAPersonWrote(t *testing.T) {
	const text = "What it shows.\n#ring: 32 64\n-- in.ir --\nmodule net ; a comment\n-- weights --\nw 1\n-- 32/out.ir --\nold\n"
	c, err := parseCase([]byte(text), []*pass.Pass{nothing})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, v := range c.variants() {
		names = append(names, v.prefix())
	}
	if !slices.Equal(names, []string{"32/", "64/"}) {
		t.Errorf("variants %v", names)
	}
	if got, want := string(c.withOutputs(nil)), text[:strings.Index(text, "-- 32/")]; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
