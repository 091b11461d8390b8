module example.invalid/slow-link

go 1.26
