"""Zero-cost proxies: scores of networks that are not trained, from one minibatch or none."""
