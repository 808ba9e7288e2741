// Package demo runs a whole federation in one process: Shanghai, Jiangsu, Zhejiang, Anhui and the regional hub, with
// data, and walks the story of one exchange. The nodes are real: own keys, own databases, mutual TLS between them. Every
// enterprise and person in the generated data is fictional.
package demo
