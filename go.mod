module github.com/relaysim/relaysim

go 1.26
