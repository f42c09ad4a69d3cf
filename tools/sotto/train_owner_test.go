package main

import "testing"

// aloneBy are the flags of both servers, and of the training in the clear.
var aloneBy = []string{"--batch", "8", "--epochs", "1", "--rate", "0.1", "--momentum", "0.5"}

func newAlonePlace(t *testing.T) *privatePlace {
	p := &privatePlace{place: &place{t: t, dir: t.TempDir(), wait: "20s"}, addr: freeAddress(t)}
	p.write("net.sotto", trainedNet)
	mustSotto(t, "keys", "-o", p.path("keys"))
	return p
}

// trainAlone has both train without a dealer, each with flags of its own, to their ends.
func (p *privatePlace) trainAlone(server, client []string) (serverOut, clientOut string) {
	p.t.Helper()
	run := func(more ...string) *proc {
		return p.start(nil, append(append([]string{"train", "net.sotto", "--private", "--timeout", p.wait}, aloneBy...), more...)...)
	}
	s := run(append([]string{"--serve", p.addr, "-o", "server"}, server...)...)
	c := run(append([]string{"--connect", p.addr, "-o", "client"}, client...)...)
	clientOut = p.ends(c, 0, "")
	return p.ends(s, 0, ""), clientOut
}

// inTheClear are the weights that the same steps come to in the clear.
func (p *privatePlace) inTheClear() map[string][]float32 {
	p.t.Helper()
	mustSotto(p.t, append([]string{"train", p.path("net.sotto"), "--data", "glyphs:16", "--ring", "64", "-o", p.path("clear"), "--quiet"}, aloneBy...)...)
	return p.weights(p.path("clear/weights.safetensors"))
}

// Two servers that no dealer helps come to the weights that are come to in the clear, and take the bytes that were told before they began.
func TestPrivateTrainingWithoutADealer(t *testing.T) {
	p := newAlonePlace(t)
	mustSotto(t, "share", "glyphs:16", "--for", p.path("net.sotto"), "--keys", p.path("keys"), "-o", p.path("a"))
	out, _ := p.trainAlone([]string{"--data-bundle", "a/server.data"}, []string{"--data-bundle", "a/client.data"})
	var told runEstimate
	var took privateResult
	line(t, out, "estimate", &told)
	line(t, out, "program_hash", &took)
	if sent := took.Online.ClientSent + took.Online.ServerSent + took.Offline.ClientSent + took.Offline.ServerSent; sent != told.Estimate.Bytes || took.Steps != 2 || told.Estimate.DealerBytes != 0 {
		t.Errorf("%d steps took %d bytes, told were %d and %d from a dealer", took.Steps, sent, told.Estimate.Bytes, told.Estimate.DealerBytes)
	}
	near(t, p.combined(), p.inTheClear())
}

// A client that has the data trains the server's model: the server alone has the weights in the end, and no data was shared beforehand.
func TestPrivateTrainingOfTwoOwners(t *testing.T) {
	p := newAlonePlace(t)
	want := p.inTheClear()
	server, client := []string{"--images", "16", "--init", "random:1"}, []string{"--data", "glyphs:16"}
	out, _ := p.trainAlone(server, client)
	var r privateResult
	line(t, out, "program_hash", &r)
	near(t, p.weights(p.path("server/weights.safetensors")), want)
	for _, path := range []string{"client/weights.safetensors", "client/share.safetensors", "server/share.safetensors"} {
		if exists(p.path(path)) {
			t.Errorf("%s is there, the server's weights alone were to be", path)
		}
	}
	p.refuses(t, "--data-bundle beside", append(client, "--connect", p.addr, "--data-bundle", "a/client.data")...)
	p.refuses(t, "--init: where the client", append(client, "--connect", p.addr, "--init", "random:2")...)
	p.refuses(t, "--images is for the server", "--connect", p.addr, "--images", "16")
}

// refuses demands that a training with these flags is refused before it begins.
func (p *privatePlace) refuses(t *testing.T, why string, flags ...string) {
	t.Helper()
	args := append([]string{"train", "net.sotto", "--private", "-o", "refused"}, flags...)
	p.ends(p.start(nil, args...), 2, why)
}
