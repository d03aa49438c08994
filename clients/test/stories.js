// What the users of the pictures say, by language.
export const stories = {
  en: {
    me: 'Lin', room: 'Sunday hike', other: 'Book club', empty: 'New ideas', long: 'Everything', friends: ['Mei Chen', 'Tom'],
    lines: [
      ['Mei Chen', 'Who is coming on Sunday?'], ['Tom', 'Me! I take the 7:40 train.'], ['Tom', 'The way: https://maps.example.org/mill-trail'],
      ['me', 'I am in, and I bring the tea 🍵'], ['Mei Chen', '🎉🎉'],
      ['Mei Chen', 'Then we meet at the station, at the north gate. From there it is over the bridge, and left along the river as far as the mill.'],
    ],
    unread: ['It may rain a little ☔️', 'Rain or shine 🙂', 'Does anybody have a second umbrella?'],
    offline: 'In the tunnel, more in a minute', ask: 'Hello! Do you ship to Norway?', answer: 'We do, within a week. 📦', shop: 'The tea shop', greeting: 'Fresh from this spring.',
  },
  zh: {
    me: '小林', room: '周末徒步', other: '读书会', empty: '新点子', long: '闲聊', friends: ['陈梅', '阿明'],
    lines: [
      ['陈梅', '星期天谁来？'], ['阿明', '我来！我坐 7:40 的火车。'], ['阿明', '路线：https://maps.example.org/mill-trail'],
      ['me', '我也来，带上茶 🍵'], ['陈梅', '🎉🎉'], ['陈梅', '那我们在火车站北门集合。出发后先过桥，再左转沿着河一直走到磨坊。'],
    ],
    unread: ['可能会下点小雨 ☔️', '风雨无阻 🙂', '谁有多余的伞？'],
    offline: '在隧道里，稍后再说', ask: '你好！可以寄到挪威吗？', answer: '可以，一周之内送达。📦', shop: '茶叶店', greeting: '今年的春茶。',
  },
}
