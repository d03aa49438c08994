import'./chat-R2W43IBM.js';import'./chunk-GDZ4KWS3.js';import'./chunk-SDOSUXGY.js';
