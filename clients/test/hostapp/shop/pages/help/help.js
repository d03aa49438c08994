Page({ data: { room: 'help' } })
