// informer watches the metadata of the Nodes that are peers, as a Go program with client-go would, and
// prints a line when it has them all. `informer KUBECONFIG SELECTOR`.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(kubeconfig, selector string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	nodes := client.Resource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"})
	// As metadatainformer puts it together, which would bring the clients of all kinds: a minute of
	// building for nothing.
	source := &cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
			options.LabelSelector = selector
			return nodes.List(ctx, options)
		},
		WatchFuncWithContext: func(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
			options.LabelSelector = selector
			return nodes.Watch(ctx, options)
		},
	}
	informer := cache.NewSharedIndexInformer(
		source, &metav1.PartialObjectMetadata{}, 10*time.Minute, cache.Indexers{},
	)
	go informer.Run(nil)
	if !cache.WaitForCacheSync(nil, informer.HasSynced) {
		return fmt.Errorf("not in step")
	}
	fmt.Printf("in step with %d nodes\n", len(informer.GetStore().List()))
	select {}
}
