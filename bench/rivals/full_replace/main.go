// full_replace configures WireGuard as Kilo does: whatever changes, the interface is told its whole
// configuration, with the flag that replaces all peers. At its start it does so if that differs from
// what it finds.
package main

import (
	"fmt"
	"os"

	"golang.zx2c4.com/wireguard/wgctrl"
	"golang.zx2c4.com/wireguard/wgctrl/wgtypes"

	"github.com/wg-kube/wg-kube/bench/rivals/session"
)

type fullReplace struct {
	client *wgctrl.Client
	peers  []wgtypes.PeerConfig
}

func main() {
	client, err := wgctrl.New()
	if err == nil {
		err = session.Serve(&fullReplace{client: client})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (way *fullReplace) apply() error {
	return way.client.ConfigureDevice(session.Device, wgtypes.Config{
		ReplacePeers: true,
		Peers:        way.peers,
	})
}

func (way *fullReplace) Keep(peer wgtypes.PeerConfig) {
	way.peers = append(way.peers, peer)
}

func (way *fullReplace) Fill(peers []wgtypes.PeerConfig, _ int) error {
	way.peers = append(way.peers, peers...)
	device, err := way.client.Device(session.Device)
	if err != nil {
		return err
	}
	known := make(map[wgtypes.Key]bool, len(device.Peers))
	for _, peer := range device.Peers {
		known[peer.PublicKey] = true
	}
	for _, peer := range way.peers {
		if !known[peer.PublicKey] {
			return way.apply()
		}
	}
	return nil
}

func (way *fullReplace) Add(peer wgtypes.PeerConfig) error {
	way.peers = append(way.peers, peer)
	return way.apply()
}

func (way *fullReplace) Change(peer wgtypes.PeerConfig) error {
	for at := range way.peers {
		if way.peers[at].PublicKey == peer.PublicKey {
			way.peers[at] = peer
		}
	}
	return way.apply()
}

func (way *fullReplace) Remove(key wgtypes.Key) error {
	kept := make([]wgtypes.PeerConfig, 0, len(way.peers))
	for _, peer := range way.peers {
		if peer.PublicKey != key {
			kept = append(kept, peer)
		}
	}
	way.peers = kept
	return way.apply()
}
