package main

import "testing"

// aloneBy are the flags of both servers, and of the training in the clear.
var aloneBy = []string{"--batch", "8", "--epochs", "1", "--rate", "0.1", "--momentum", "0.5"}

// newAlonePlace has as many images of each owner, and trains without a dealer.
func newAlonePlace(t *testing.T, images ...int) *privatePlace {
	return newAlonePlaceFor(t, trainedNet, images, append([]string{"train"}, aloneBy...)...)
}

// inTheClear are the weights that the same steps on so many images come to in the clear.
func (p *privatePlace) inTheClear(images string, by []string) map[string][]float32 {
	p.t.Helper()
	mustSotto(p.t, append([]string{"train", p.path("net.sotto"), "--data", "glyphs:" + images, "--ring", "64", "-o", p.path("clear"), "--quiet"}, by...)...)
	return p.weights(p.path("clear/weights.safetensors"))
}

// twoOwners gives the client so many images, and the server weights.
func (p *privatePlace) twoOwners(images string) {
	p.own = map[string][]string{"client": {"--data", "glyphs:" + images}, "server": {"--images", images, "--init", "random:1"}}
}

// Two servers that no dealer helps come to the weights that are come to in the clear, and take the bytes that were told before they began.
func TestPrivateTrainingWithoutADealer(t *testing.T) {
	p := newAlonePlace(t, 16)
	if took := p.tookAsTold(p.both()); took.Steps != 2 {
		t.Errorf("%d steps", took.Steps)
	}
	near(t, p.combined(), p.inTheClear("16", aloneBy))
}

// A client that has the data trains the server's model: the server alone has the weights in the end, and no data was shared beforehand.
func TestPrivateTrainingOfTwoOwners(t *testing.T) {
	p := newAlonePlace(t)
	p.twoOwners("16")
	p.both()
	near(t, p.weights(p.path("server/weights.safetensors")), p.inTheClear("16", aloneBy))
	for _, path := range []string{"client/weights.safetensors", "client/share.safetensors", "server/share.safetensors"} {
		if exists(p.path(path)) {
			t.Errorf("%s is there, the server's weights alone were to be", path)
		}
	}
	client := p.own["client"]
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
