import'./chat-4UMLHVKZ.js';import'./chunk-KDKHYVKM.js';import'./chunk-SDOSUXGY.js';
