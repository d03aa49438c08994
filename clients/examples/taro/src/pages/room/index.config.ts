export default { navigationBarTitleText: '' }
