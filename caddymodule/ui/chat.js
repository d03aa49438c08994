import'./chat-7Q3F5T7X.js';import'./chunk-QILALZJP.js';
